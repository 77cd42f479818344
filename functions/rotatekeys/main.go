// Command rotatekeys is the Lambda function that rotates the keys, on a schedule.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/pkg/endpoint/rotatekeys"
	"github.com/wavepass/wavepass/pkg/keyring"
)

func main() {
	cfg := boot.Config()
	lambda.Start(rotatekeys.New(rotatekeys.Parts{
		Store:     boot.Table(cfg),
		Sealer:    boot.Sealer(cfg),
		Algorithm: keyring.Algorithm(cfg.SigningAlg),
		KeyTimes:  boot.KeyTimes(cfg),
		Trail:     boot.Trail(),
		Log:       boot.Log(),
		Now:       time.Now,
	}))
}
