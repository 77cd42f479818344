package gateway

import (
	"regexp"
	"strings"

	"github.com/wavepass/wavepass/internal/samtemplate"
)

// functionARN finds the function at the end of an ARN, in ${Fn} or ${Fn.Arn}, with or without an alias.
// The name has to stand alone: function:${Fn}Old is another function.
var functionARN = regexp.MustCompile(`^(?:[^$]|\$\{AWS::[A-Za-z]+\})*?(?:^|:)\$\{([A-Za-z0-9]+)(?:\.Arn|\.Alias)?\}(?::[A-Za-z0-9_-]+)?$`)

// function resolves a reference to a function of this template.
func (r *reader) function(n samtemplate.Node, what string) (*Function, error) {
	var id string
	switch {
	case n.Tag == "!Sub" && n.Kind == samtemplate.Scalar:
		if m := functionARN.FindStringSubmatch(n.Text); m != nil {
			id = m[1]
		}
	case n.Tag == "!GetAtt" && n.Kind == samtemplate.List && len(n.Items) == 2 && n.Items[1].Text == "Arn":
		id = n.Items[0].Text
	case n.Tag == "!GetAtt" && n.Kind == samtemplate.Scalar:
		id, _ = strings.CutSuffix(n.Text, ".Arn")
	case n.Tag == "!Ref":
		id, _ = strings.CutSuffix(n.Text, ".Alias")
	}
	if f := r.functions[id]; f != nil {
		return f, nil
	}
	return nil, r.Errorf(n, "%s is no function of this template: write !GetAtt Function.Arn, or a !Sub that ends in function:${Function}:alias", what)
}
