// Package tabletemplate creates the DynamoDB table that template.yaml defines on an engine for development,
// so that there is one definition. Time to live stays off there: DynamoDB Local deletes within seconds what
// the cloud keeps for days, and so would hide mistakes.
package tabletemplate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.yaml.in/yaml/v3"
)

// readyTime is how long a new table may take to become active.
const readyTime = 30 * time.Second

// Definition is the table's, as far as an engine for development takes it.
type Definition struct {
	BillingMode          string `yaml:"BillingMode"`
	AttributeDefinitions []struct {
		Name string `yaml:"AttributeName"`
		Type string `yaml:"AttributeType"`
	} `yaml:"AttributeDefinitions"`
	KeySchema []struct {
		Name string `yaml:"AttributeName"`
		Type string `yaml:"KeyType"`
	} `yaml:"KeySchema"`
	TimeToLive struct {
		Name    string `yaml:"AttributeName"`
		Enabled bool   `yaml:"Enabled"`
	} `yaml:"TimeToLiveSpecification"`
}

// Read returns the definition of the one AWS::DynamoDB::Table in a SAM template.
func Read(file string) (Definition, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Definition{}, err
	}
	return Parse(file, text)
}

// Parse is Read of a file that was read; file is for messages only.
func Parse(file string, text []byte) (Definition, error) {
	var template struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		return Definition{}, fmt.Errorf("%s: %w", file, err)
	}
	var found []Definition
	for id, resource := range template.Resources {
		if resource.Type != "AWS::DynamoDB::Table" {
			continue
		}
		var d Definition
		if err := resource.Properties.Decode(&d); err != nil {
			return Definition{}, fmt.Errorf("%s: %s: %w", file, id, err)
		}
		found = append(found, d)
	}
	if len(found) != 1 {
		return Definition{}, fmt.Errorf("%s: %d tables of the type AWS::DynamoDB::Table: want one", file, len(found))
	}
	return found[0], nil
}

// Create creates a table of the definition and waits until it takes requests. A table that is there already
// is left as it is.
func Create(ctx context.Context, api *dynamodb.Client, name string, d Definition) error {
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingMode(d.BillingMode)}
	for _, a := range d.AttributeDefinitions {
		in.AttributeDefinitions = append(in.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: &a.Name, AttributeType: types.ScalarAttributeType(a.Type)})
	}
	for _, k := range d.KeySchema {
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
