// Command subjects is the Lambda function of /subjects/{subject} and the sessions below it.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/subjects"
)

func main() {
	e := boot.Read()
	e.Start(subjects.New(e.SettingsBehindAPI(), table.Open(e), sealer.Open(e)))
}
