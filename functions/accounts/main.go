// Command accounts is the Lambda function by which people sign up and choose new passwords, by way of their mailbox.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/accounts"
	"github.com/wavepass/wavepass/pkg/pages"
)

func main() {
	e := boot.Read()
	s := e.SettingsBehindAPI()
	drawn, err := pages.New(pages.Looks(s.Looks))
	boot.ExitOn(err)
	e.Start(accounts.New(s, table.Open(e), sealer.Open(e), drawn))
}
