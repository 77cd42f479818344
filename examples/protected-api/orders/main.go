// Command orders is the Lambda function behind the routes of the shop.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	store, err := openStore(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	handler := lambda.NewHandler(shop{store, time.Now}.handle)
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		log.Fatal(serveInvoke(handler)) // not in Lambda: on a laptop
	}
	lambda.Start(handler)
}
