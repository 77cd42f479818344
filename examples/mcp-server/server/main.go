// Command server is an MCP server behind Wavepass: a Lambda function behind an HTTP API or a REST API, and a plain HTTP server on a laptop.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	g, err := newGuard(settings{
		Issuer: os.Getenv("ISSUER"), HTTPResource: os.Getenv("HTTP_RESOURCE"), RESTResource: os.Getenv("REST_RESOURCE"),
		Laptop: os.Getenv("AWS_LAMBDA_RUNTIME_API") == "",
	})
	if err != nil {
		log.Fatal(err)
	}
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		lambda.Start(g.serveEvent)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.Serve(listener, g.byMiddleware()))
}
