package deployment

import (
	"maps"
	"slices"
	"testing"

	"github.com/wavepass/wavepass/pkg/endpoint/all"
	"github.com/wavepass/wavepass/pkg/internal/openapi"
)

// Every answer that a test gets of a deployment is compared with the document too, see Deployment.Raw.
func TestOpenAPIDocumentHasTheRoutesThatAreServed(t *testing.T) {
	document, err := openapi.Read()
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for route := range Routes(all.Functions{}) {
		served[openapi.RouteOf(route)] = true
	}
	for _, route := range slices.Sorted(maps.Keys(document)) {
		if !served[route] {
			t.Errorf("docs/openapi.yaml has %s, which nothing serves", route)
		}
	}
	for _, route := range slices.Sorted(maps.Keys(served)) {
		if document[route] == nil {
			t.Errorf("docs/openapi.yaml does not have %s", route)
		}
	}
}
