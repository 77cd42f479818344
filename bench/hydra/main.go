// Command hydra is Ory Hydra, built from its module for the comparison. It is a module of its own: what Hydra needs is needed nowhere else.
package main

import "github.com/ory/hydra/v2/cmd"

func main() { cmd.Execute() }
