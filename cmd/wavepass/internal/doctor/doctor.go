// Package doctor looks at a deployment from inside: its table, its keys, the settings of its functions, and whether its address
// serves what these say. It reads only. How a deployment is opened, and how a report is printed, is the command's matter.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/keyring"
	"github.com/wavepass/wavepass/pkg/policy"
)

// Deployment is what is looked at. What is nil or empty is not looked at, and the report says so.
type Deployment struct {
	Name  string // for people
	Store Store

	Table string           // "" for a deployment on this machine
	API   *dynamodb.Client // of Table
	Clock func(context.Context) (ahead time.Duration, err error)

	Functions func(context.Context) ([]Function, error)
	URL       string // where the API is; empty: at the issuer that the settings name

	SealingKey string // empty: as the functions' settings say
	Sealer     func(setting string) (keyring.Sealer, error)

	DemoAccount string // whose password everybody knows
	HTTP        *http.Client
	Now         func() time.Time
}

// Store is what is read of the one of the deployment.
type Store interface {
	keyring.Store
	client.Lister
	Schema(ctx context.Context) (int, error)
	Policies(ctx context.Context) ([]string, error)
	Policy(ctx context.Context, api string) (policy.Record, error)
	LoginName(ctx context.Context, username string) (account.LoginName, error)
}

// Report is all that was found.
type Report struct {
	Target   string           `json:"target"`
	Findings verdict.Findings `json:"findings"`
}

// patient is a deployment and what several looks need of it.
type patient struct {
	Deployment

	table     *types.TableDescription
	tableErr  error
	functions []Function
	funcErr   error
	keys      []keyring.Key
	keysErr   error

	denied []string // what these credentials may not do
}

var (
	errOnThisMachine = errors.New("only for a table in the cloud, named by --table")
	errNotAsked      = errors.New("nothing is known of the functions' settings")
)

// Run looks at everything once. It fails only where nothing can be seen at all.
func Run(ctx context.Context, d Deployment) (Report, error) {
	p := &patient{Deployment: d, tableErr: errOnThisMachine, funcErr: errOnThisMachine}
	if d.API != nil {
		p.funcErr = errNotAsked
		out, err := d.API.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &d.Table})
		if p.tableErr = err; err == nil {
			p.table = out.Table
		}
		if missing := (*types.ResourceNotFoundException)(nil); errors.As(err, &missing) {
			return Report{}, err
		}
	}
	if d.Functions != nil {
		p.functions, p.funcErr = d.Functions(ctx)
	}
	p.readKeys(ctx)

	r := Report{Target: d.Name, Findings: verdict.Findings{}}
	for _, l := range looks {
		o := l.look(p, ctx)
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
		r.Findings = append(r.Findings, verdict.Finding{ID: l.id, Title: l.title, Outcome: o, Why: l.why, Mend: l.mend})
	}
	return r, nil
}

// unseen is the outcome of a look that an error prevented.
func (p *patient) unseen(action string, err error) verdict.Outcome {
	var api smithy.APIError
	switch {
	case errors.Is(err, errOnThisMachine), errors.Is(err, errNotAsked):
		return verdict.Unseen("%s", err)
	case !errors.As(err, &api):
		return verdict.Unseen("%s: %s", action, err)
	case strings.HasPrefix(api.ErrorCode(), "AccessDenied"):
		if !slices.Contains(p.denied, action) {
			p.denied = append(p.denied, action)
		}
		return verdict.Unseen("these credentials may not %s", action)
	case api.ErrorCode() == "UnknownOperationException":
		return verdict.Unseen("%s: this engine does not know it", action)
	}
	return verdict.Unseen("%s: %s: %s", action, api.ErrorCode(), api.ErrorMessage())
}

// WriteText writes the report as a table, and below it what is to be mended. What was not checked is one line for each reason, unless all is asked for.
func (r Report) WriteText(out io.Writer, all bool) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "VERDICT\tLOOKED AT\tSEEN")
	unseen, reasons := map[string][]string{}, []string(nil)
	for _, f := range r.Findings {
		if f.Verdict == verdict.NotChecked && !all {
			if unseen[f.Detail] == nil {
				reasons = append(reasons, f.Detail)
			}
			unseen[f.Detail] = append(unseen[f.Detail], f.ID)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Verdict, f.ID, verdict.Printable(f.Detail))
	}
	for _, reason := range reasons {
		looks := unseen[reason][0]
		if n := len(unseen[reason]); n > 1 {
			looks = fmt.Sprintf("%d things; --verbose names them", n)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", verdict.NotChecked, looks, verdict.Printable(reason))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return r.Findings.WriteMending(out, r.Target)
}
