// Command sockets is the Lambda function behind the WebSocket API of the shop, and the one that closes connections of ended sessions.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	connections := table{dynamodb.NewFromConfig(cfg), os.Getenv("TABLE_NAME")}
	lambda.Start(sockets{connections, gateway{cfg, os.Getenv("CONNECTIONS_URL")}, time.Now}.handle)
}
