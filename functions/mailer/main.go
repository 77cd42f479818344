// Command mailer is the Lambda function that sends mails, when an order for one is placed in the table.
package main

import (
	"github.com/wavepass/wavepass/functions/internal/boot"
	"github.com/wavepass/wavepass/functions/internal/boot/sealer"
	"github.com/wavepass/wavepass/functions/internal/boot/table"
	"github.com/wavepass/wavepass/pkg/endpoint/mailer"
	"github.com/wavepass/wavepass/pkg/mail/ses"
)

func main() {
	e := boot.Read()
	s := e.SettingsBehindAPI()
	texts, err := mailer.Texts(e.MailTexts, s.Looks)
	boot.ExitOnSetting("MAIL_TEXTS", err)
	mails, err := ses.New(ses.Config{From: e.MailFrom, Service: s.Looks.Name, Region: e.Region, Endpoint: e.SESEndpoint})
	boot.ExitOn(err)
	store := table.Open(e)
	e.Start(mailer.New(s, store, mailer.Parts{Letters: mailer.NewLetters(s, store, sealer.Open(e)), Texts: texts, Sender: mails}))
}
