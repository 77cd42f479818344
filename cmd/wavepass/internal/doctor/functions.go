package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/wavepass/wavepass/cmd/wavepass/internal/verdict"
	"github.com/wavepass/wavepass/pkg/config"
)

// Function is one that uses the table.
type Function struct {
	Name     string
	Settings map[string]string
	State    string // "" or Active: it can be called
	Newer    bool   // what was deployed last has other settings than what runs
}

// alias is what the API calls each function by.
const alias = "live"

// Functions returns those of the account and region whose settings name the table, with the settings of what runs.
func Functions(ctx context.Context, api *lambda.Client, table string) (all []Function, err error) {
	pages := lambda.NewListFunctionsPaginator(api, &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range page.Functions {
			if f.Environment == nil || f.Environment.Variables["TABLE_NAME"] != table {
				continue
			}
			one := Function{Name: aws.ToString(f.FunctionName), Settings: f.Environment.Variables, State: string(f.State)}
			live, err := api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: f.FunctionName, Qualifier: aws.String(alias)})
			var missing *lambdatypes.ResourceNotFoundException
			switch {
			case errors.As(err, &missing): // it has no such alias
			case err != nil:
				return nil, err
			case live.Environment != nil:
				one.Settings, one.State = live.Environment.Variables, string(live.State)
				one.Newer = !maps.Equal(f.Environment.Variables, live.Environment.Variables)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// ReadFunctions reads what `aws lambda list-functions` prints, and returns the functions of the table.
func ReadFunctions(text []byte, table string) (all []Function, err error) {
	var list struct {
		Functions []struct {
			FunctionName string
			State        string
			Environment  struct{ Variables map[string]string }
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("want what `aws lambda list-functions` prints: %w", err)
	}
	for _, f := range list.Functions {
		if f.Environment.Variables["TABLE_NAME"] == table {
			all = append(all, Function{Name: f.FunctionName, Settings: f.Environment.Variables, State: f.State})
		}
	}
	return all, nil
}

// values are those of a setting, with the functions that have it.
func (p *patient) values(setting string) map[string][]string {
	all := map[string][]string{}
	for _, f := range p.functions {
		if value, ok := f.Settings[setting]; ok {
			all[value] = append(all[value], f.Name)
		}
	}
	return all
}

// common is the value of a setting in most functions; of two that are as frequent it is the first in the order of texts.
func (p *patient) common(setting string) (value string) {
	all := p.values(setting)
	for _, v := range slices.Sorted(maps.Keys(all)) {
		if len(all[v]) > len(all[value]) {
			value = v
		}
	}
	return value
}

// config reads the settings of the first function that has the named one.
func (p *patient) config(setting string) (config.Config, bool) {
	for _, f := range p.functions {
		if f.Settings[setting] != "" {
			cfg, err := config.Load(f.Settings)
			return cfg, err == nil
		}
	}
	return config.Config{}, false
}

func (p *patient) noFunctions() (verdict.Outcome, bool) {
	switch {
	case p.funcErr != nil:
		return p.unseen("lambda:ListFunctions, lambda:GetFunctionConfiguration", p.funcErr), true
	case len(p.functions) == 0:
		return verdict.Unseen("no function of this account and region has the table"), true
	}
	return verdict.Outcome{}, false
}

func (p *patient) functionSettings(context.Context) verdict.Outcome {
	if o, none := p.noFunctions(); none {
		return o
	}
	var wrong []string
	for _, f := range p.functions {
		environment := maps.Clone(f.Settings)
		environment["AWS_LAMBDA_FUNCTION_NAME"] = f.Name // what is for laptops is refused then
		if _, err := config.Load(environment); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %s", f.Name, strings.ReplaceAll(err.Error(), "\n", ", ")))
		}
		if f.State != "" && f.State != string(lambdatypes.StateActive) && f.State != string(lambdatypes.StateInactive) {
			wrong = append(wrong, fmt.Sprintf("%s is %s", f.Name, f.State))
		}
	}
	if len(wrong) > 0 {
		return verdict.Failed("%s", list(wrong))
	}
	return verdict.Passed("%d functions", len(p.functions))
}

func (p *patient) shards(context.Context) verdict.Outcome {
	if o, none := p.noFunctions(); none {
		return o
	}
	return p.oneValue("REVOCATION_SHARDS")
}

func (p *patient) oneValue(setting string) verdict.Outcome {
	all := p.values(setting)
	if len(all) > 1 {
		return verdict.Failed("%s is %s", setting, told(all))
	}
	for value := range all {
		return verdict.Passed("%q", value)
	}
	return verdict.Passed("no function is told %s", setting)
}

// told says which functions have which value. A key that is itself a setting is left out: reports are shown to others.
func told(values map[string][]string) string {
	const key = "local:"
	var parts []string
	for _, value := range slices.Sorted(maps.Keys(values)) {
		shown := value
		if strings.HasPrefix(value, key) {
			shown = key + "…"
		}
		parts = append(parts, fmt.Sprintf("%q in %s", shown, list(values[value])))
	}
	return strings.Join(parts, ", and ")
}

// shared are the settings that each function with them must have alike, but for REVOCATION_SHARDS.
var shared = []string{"ISSUER", "AUDIENCE", "SIGNING_ALG", "COOKIE_DOMAIN", "SEALING_KEY", "REVOCATION_STALENESS", "REFRESH_GRACE",
	"ROTATION_MIN_AGE", "ATTEMPT_LIMITS", "PASSWORD_MIN_LENGTH", "KEY_PERIOD", "KEY_CACHE_AGE", "CLIENT_ID_METADATA", "SIGNUP", "METRICS_NAMESPACE", "DYNAMODB_ENDPOINT"}

func (p *patient) agreement(context.Context) verdict.Outcome {
	if o, none := p.noFunctions(); none {
		return o
	}
	var wrong []string
	for _, setting := range shared {
		all := p.values(setting)
		if setting == "ISSUER" && len(all) == 2 && len(all[""]) > 0 { // the mailer is told the API's own address, which no request tells it
			delete(all, "")
			all = onlyOthersThanMailer(all, p.functions)
		}
		if len(all) > 1 || setting == "ISSUER" && len(all) == 1 && len(p.values(setting)) == 2 {
			wrong = append(wrong, setting+" is "+told(p.values(setting)))
		}
	}
	if len(wrong) > 0 {
		return verdict.Failed("%s", list(wrong))
	}
	return verdict.Passed("%d functions agree", len(p.functions))
}

// onlyOthersThanMailer leaves out values that only a function that sends mails has.
func onlyOthersThanMailer(values map[string][]string, functions []Function) map[string][]string {
	left := map[string][]string{}
	for value, names := range values {
		for _, f := range functions {
			if slices.Contains(names, f.Name) && f.Settings["MAIL_FROM"] == "" {
				left[value] = append(left[value], f.Name)
			}
		}
	}
	return left
}

func (p *patient) versions(context.Context) verdict.Outcome {
	if o, none := p.noFunctions(); none {
		return o
	}
	var newer []string
	for _, f := range p.functions {
		if f.Newer {
			newer = append(newer, f.Name)
		}
	}
	if len(newer) > 0 {
		return verdict.Warned("other settings than those that run were deployed for %s", list(newer))
	}
	return verdict.Passed("the settings that run are those that were deployed last")
}

// maxShards is the most that there can be.
const maxShards = 64

// denylist looks for an entry that counts in each shard that the functions do not read.
func (p *patient) denylist(ctx context.Context) verdict.Outcome {
	if p.API == nil {
		return verdict.Unseen("%s", errOnThisMachine)
	}
	if o, none := p.noFunctions(); none {
		return o
	}
	read, err := strconv.Atoi(p.common("REVOCATION_SHARDS"))
	if err != nil {
		read = 1
	}
	for shard := max(read, 1); shard < maxShards; shard++ {
		out, err := p.API.Query(ctx, &dynamodb.QueryInput{
			TableName: &p.Table, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :pk"), FilterExpression: aws.String("expires_at > :now"),
			ExpressionAttributeValues: map[string]types.AttributeValue{
				":pk":  &types.AttributeValueMemberS{Value: "REVOCATION#" + strconv.Itoa(shard)},
				":now": &types.AttributeValueMemberN{Value: strconv.FormatInt(p.Now().Unix(), 10)},
			},
		})
		switch {
		case err != nil:
			return p.unseen("dynamodb:Query of REVOCATION#", err)
		case len(out.Items) > 0:
			return verdict.Failed("shard %d has %d entries that count, and functions read %d shards", shard, len(out.Items), read)
		}
	}
	return verdict.Passed("functions read %d of %d, and the others are empty", read, maxShards)
}
