// Command sessions is the Lambda function of GET /sessions, DELETE /sessions and DELETE /sessions/{id}.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/sessions"
)

func main() {
	e := boot.Read()
	e.Start(sessions.New(e.SettingsBehindAPI(), table.Open(e)))
}
