// Command authorizer is the Lambda authorizer of protected routes.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/authorizer"
)

func main() {
	e := boot.Read()
	e.Start(authorizer.New(e.SettingsBehindAPI(), table.Open(e)))
}
