#!/usr/bin/env bash
# Surprise: the bytes that a handler of aws-lambda-go returns from Invoke are overwritten by the next Invoke.
# Version: github.com/aws/aws-lambda-go v1.55.1
# Source: package lambda, NewHandler and Handler.Invoke; run here
#
# This concerns a program that keeps Lambda handlers in its own process, as a test or a gateway on a laptop does, and
# holds an answer while it asks again. One would expect a slice that belongs to the caller, or a word about
# it beside Handler. Functions in Lambda itself are served one event at a time, and are not affected.
# Exits with 0 while that is so, with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
export GOFLAGS=-mod=mod

cat >go.mod <<'MOD'
module finding

go 1.26

require github.com/aws/aws-lambda-go v1.55.1
MOD

cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	echo := lambda.NewHandler(func(text string) (string, error) { return text, nil })
	changed := 0
	for range 100 {
		first, err := echo.Invoke(context.Background(), []byte(`"for the first caller"`))
		if err != nil {
			panic(err)
		}
		before := string(first)
		if _, err := echo.Invoke(context.Background(), []byte(`"for another caller..."`)); err != nil {
			panic(err)
		}
		if string(first) != before {
			changed++
		}
	}
	fmt.Printf("github.com/aws/aws-lambda-go v1.55.1\n")
	fmt.Printf("seen:     %d of 100 answers changed when the handler was invoked again\n", changed)
	fmt.Printf("expected: none\n")
	if changed == 0 {
		os.Exit(1)
	}
}
GO
go run .
