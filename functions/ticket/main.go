// Command ticket is the Lambda function of POST /ticket.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/ticket"
)

func main() {
	e := boot.Read()
	e.Start(ticket.New(e.SettingsBehindAPI(), table.Open(e)))
}
