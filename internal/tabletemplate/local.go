package tabletemplate

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Region is what an engine on this machine is asked as; it takes any.
const Region = "eu-central-1"

// Credentials are what an engine on this machine is asked with; it takes any.
var Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
})

// Local returns a client of the engine at an address on this machine. Any other is refused: what uses it
// writes demo accounts.
func Local(endpoint string) (*dynamodb.Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		return nil, fmt.Errorf("%q: want DynamoDB Local on this machine, like http://127.0.0.1:8000", endpoint)
	}
	return dynamodb.New(dynamodb.Options{Region: Region, BaseEndpoint: &endpoint, Credentials: Credentials}), nil
}
