// Command rotatekeys is the Lambda function that rotates the keys, on a schedule.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
)

func main() {
	e := boot.Read()
	e.Start(rotatekeys.New(e.Settings(), table.Open(e), sealer.Open(e)))
}
