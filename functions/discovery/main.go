// Command discovery is the Lambda function of the routes below /.well-known/.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/discovery"
)

func main() {
	e := boot.Read()
	e.Start(discovery.New(e.SettingsBehindAPI(), table.Open(e)))
}
