// Command createtable creates the table of template.yaml on DynamoDB Local, and prints its name.
//
//	go run ./scripts/createtable http://127.0.0.1:8000 wavepass
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/wavepass/wavepass/internal/tabletemplate"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: createtable ENDPOINT TABLE")
		os.Exit(2)
	}
	if err := create(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "createtable:", err)
		os.Exit(1)
	}
	fmt.Println(os.Args[2])
}

func create(endpoint, table string) error {
	definition, err := tabletemplate.Read("template.yaml")
	if err != nil {
		return err
	}
	api, err := tabletemplate.Local(endpoint)
	if err != nil {
		return err
	}
	return tabletemplate.Create(context.Background(), api, table, definition)
}
