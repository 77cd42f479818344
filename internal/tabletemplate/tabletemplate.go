// Package tabletemplate creates the DynamoDB table that template.yaml defines on an engine for development,
// so that there is one definition. Time to live stays off there: DynamoDB Local deletes within seconds what
// the cloud keeps for days, and so would hide mistakes.
package tabletemplate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/wavepass/wavepass/internal/samtemplate"
)

// readyTime is how long a new table may take to become active.
const readyTime = 30 * time.Second

// Definition is the table's, as far as an engine for development takes it.
type Definition struct {
	BillingMode string
	Attributes  []Attribute // those of the keys, with their types
	Keys        []Attribute // with their roles: HASH, RANGE
	TimeToLive  string      // the attribute, "" for none
}

// Attribute is one of a key.
type Attribute struct{ Name, Type string }

// Read returns the definition of the one AWS::DynamoDB::Table in a SAM template.
func Read(file string) (Definition, error) {
	template, err := samtemplate.Read(file, nil)
	if err != nil {
		return Definition{}, err
	}
	return Of(template)
}

// Of is Read of a template that was read.
func Of(template *samtemplate.Template) (Definition, error) {
	tables := template.Resources("AWS::DynamoDB::Table")
	if len(tables) != 1 {
		return Definition{}, fmt.Errorf("%s: %d tables of the type AWS::DynamoDB::Table: want one", template.File, len(tables))
	}
	r := reader{template: template, what: tables[0].Name}
	properties := tables[0].Value.Get("Properties")
	d := Definition{
		BillingMode: r.text(properties, "BillingMode"),
		Attributes:  r.attributes(properties.Get("AttributeDefinitions"), "AttributeType"),
		Keys:        r.attributes(properties.Get("KeySchema"), "KeyType"),
	}
	if ttl := properties.Get("TimeToLiveSpecification"); r.text(ttl, "Enabled") == "true" {
		d.TimeToLive = r.text(ttl, "AttributeName")
	}
	return d, r.err
}

// reader keeps the first error.
type reader struct {
	template *samtemplate.Template
	what     string
	err      error
}

func (r *reader) text(n samtemplate.Node, member string) string {
	text, err := r.template.Text(n.Get(member), r.what+": "+member)
	r.err = cmp.Or(r.err, err)
	return text
}

func (r *reader) attributes(list samtemplate.Node, kind string) (all []Attribute) {
	if len(list.Items) == 0 {
		r.err = cmp.Or(r.err, r.template.Errorf(list, "%s: want a list of AttributeName and %s", r.what, kind))
	}
	for _, n := range list.Items {
		all = append(all, Attribute{r.text(n, "AttributeName"), r.text(n, kind)})
	}
	return all
}

// Create creates a table of the definition and waits until it takes requests. A table that is there already
// is left as it is.
func Create(ctx context.Context, api *dynamodb.Client, name string, d Definition) error {
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingMode(d.BillingMode)}
	for _, a := range d.Attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: &a.Name, AttributeType: types.ScalarAttributeType(a.Type)})
	}
	for _, k := range d.Keys {
		in.KeySchema = append(in.KeySchema, types.KeySchemaElement{AttributeName: &k.Name, KeyType: types.KeyType(k.Type)})
	}
	var exists *types.ResourceInUseException
	if _, err := api.CreateTable(ctx, in); err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("create table %s: %w", name, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(api, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	})
	return waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, readyTime)
}
