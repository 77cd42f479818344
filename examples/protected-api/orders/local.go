package main

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

// maxEvent is how long an event may be in Lambda.
const maxEvent = 6 << 20

// serveInvoke is Lambda's Invoke API for this one function, on a laptop.
func serveInvoke(handler lambda.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "0"))
	if err != nil {
		return err
	}
	fmt.Println("port", listener.Addr().(*net.TCPAddr).Port)
	return http.Serve(listener, invokeAPI(handler))
}

func invokeAPI(handler lambda.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		answer, err := handler.Invoke(r.Context(), event)
		if err != nil {
			log.Print(err)
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			answer = []byte(`{"errorType":"error","errorMessage":"see the function's log"}`)
		}
		_, _ = w.Write(answer)
	})
}
