// Command shop is a small server-rendered shop. It keeps no passwords and no sessions: Wavepass's cookie authorizer stands before its
// routes and says who visits.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	baskets, err := openBaskets(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" { // not in Lambda: on a laptop
		log.Fatal(serveLaptop(baskets))
	}
	s, err := newSite(baskets, at(os.Getenv("SITE_URL"), os.Getenv("WAVEPASS_URL")))
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(behindGateway(s))
}

// serveLaptop answers the requests that `wavepass local --forward` sends. Wavepass and the shop have one address there.
func serveLaptop(baskets baskets) error {
	s, err := newSite(baskets, atGateway)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "0"))
	if err != nil {
		return err
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: behindWavepassLocal(s, os.Getenv("WAVEPASS_CONTEXT_KEY")), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// place is where the shop and Wavepass are, as people's browsers see them.
type place struct{ site, wavepass string }

func at(site, wavepass string) func(*http.Request) place {
	return func(*http.Request) place { return place{site, wavepass} }
}

// atGateway is the address of `wavepass local`, which says its own scheme and port with each request.
func atGateway(r *http.Request) place {
	address := r.Header.Get("X-Forwarded-Proto") + "://localhost:" + r.Header.Get("X-Forwarded-Port")
	return place{address, address}
}
