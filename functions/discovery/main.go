// Command discovery is the Lambda function of the routes below /.well-known/.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/endpoint/discovery"
)

func main() {
	cfg := boot.Config()
	lambda.Start(discovery.New(boot.Gateway(cfg), boot.Table(cfg), boot.KeyTimes(cfg), time.Now))
}
