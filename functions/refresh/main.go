// Command refresh is the Lambda function of POST /refresh.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/refresh"
)

func main() {
	e := boot.Read()
	e.Start(refresh.New(e.SettingsBehindAPI(), table.Open(e), sealer.Open(e)))
}
