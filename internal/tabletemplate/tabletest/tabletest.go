// Package tabletest gives a test the table of template.yaml on DynamoDB Local.
package tabletest

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/wavepass/wavepass/internal/tabletemplate"
)

// New creates a table of the template in file on the engine at endpoint. It is deleted when the test ends. Whoever
// opens it needs the region and the credentials of tabletemplate, as an engine may keep tables apart by them.
func New(tb testing.TB, endpoint, file string) (api *dynamodb.Client, name string) {
	tb.Helper()
	definition, err := tabletemplate.Read(file)
	if err != nil {
		tb.Fatal(err)
	}
	api, err = tabletemplate.Local(endpoint)
	if err != nil {
		tb.Fatal(err)
	}
	name = "wavepass-test-" + rand.Text()
	if err := tabletemplate.Create(tb.Context(), api, name, definition); err != nil {
		tb.Fatalf("at %s: %v", endpoint, err)
	}
	tb.Cleanup(func() {
		if _, err := api.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			tb.Errorf("delete table %s: %v", name, err)
		}
	})
	return api, name
}
