package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// foreign lists the types in a Go file's exported declarations that do not come from the standard library.
func foreign(t *testing.T, name string, text any) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string]bool{}
	for _, one := range file.Imports {
		path := strings.Trim(one.Path.Value, `"`)
		name := filepath.Base(path)
		if one.Name != nil {
			name = one.Name.Name
		}
		imports[name] = strings.Contains(strings.Split(path, "/")[0], ".")
	}
	ast.FileExports(file) // leaves unexported declarations and fields out
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			return false
		case *ast.FuncDecl:
			return n.Recv == nil || exportedReceiver(n.Recv.List[0].Type)
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && imports[pkg.Name] {
				found = append(found, pkg.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return found
}

// exportedReceiver reports whether other packages can name the type of a receiver. The methods of the others are out of their reach.
func exportedReceiver(of ast.Expr) bool {
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	name, ok := of.(*ast.Ident)
	return !ok || name.IsExported()
}

func TestPromisedPackageNamesNoTypeOfOurs(t *testing.T) {
	files, err := filepath.Glob("../../verify/*.go")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %v (%v), want the package", files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		if found := foreign(t, file, nil); len(found) > 0 {
			t.Errorf("%s promises %v, which may change", file, found)
		}
	}
	leaks := `package p
		import ("net/http"; "github.com/wavepass/wavepass/pkg/token")
		type V struct { hidden token.Verifier; Shown token.Claims; Client *http.Client }
		func F() token.Expect { return token.Expect{} }
		func g() token.Claims { panic(0) }
		func (*V) M(token.VerifyKeys) {}
		type u struct{}
		func (*u) M(token.Verifier) {}`
	if found := strings.Join(foreign(t, "leaks.go", leaks), " "); found != "token.Claims token.Expect token.VerifyKeys" {
		t.Errorf("found %q in a package that leaks three types", found)
	}
}
