// Command userinfo is the Lambda function of GET /userinfo.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/userinfo"
)

func main() {
	e := boot.Read()
	e.Start(userinfo.New(e.SettingsBehindAPI(), table.Open(e)))
}
