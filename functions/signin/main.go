// Command signin is the Lambda function of GET and POST /authorize, and of the pages that people sign in at.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/signin"
	"github.com/wavepass/wavepass/pkg/pages"
)

func main() {
	e := boot.Read()
	s := e.SettingsBehindAPI()
	drawn, err := pages.New(pages.Looks(s.Looks))
	boot.ExitOn(err)
	e.Start(signin.New(s, table.Open(e), sealer.Open(e), drawn))
}
