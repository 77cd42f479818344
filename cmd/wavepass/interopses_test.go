package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/wavepass/wavepass/pkg/mail"
	"github.com/wavepass/wavepass/pkg/mail/ses"
)

// TestInteropMailArrivesAtSomebodyElsesSES: it is read by the schema of that SES and not by one of ours.
func TestInteropMailArrivesAtSomebodyElsesSES(t *testing.T) {
	url := startNodeProgram(t, libraries(t), "sesv2local.mjs", struct{}{})
	sender, err := ses.New(ses.Config{
		From: "no-reply@example.com", Service: "Bücher, Ltd.", Region: "eu-central-1", Endpoint: url,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	check(t, err)
	sent := mail.Mail{Purpose: mail.Recover, To: "ada@example.com", Subject: "Grüße – 1 < 2", Text: "Zeile\n\nhttps://id.example.com/recover#x\n", HTML: "<p>Grüße &amp; <b>Code</b></p>\n"}
	check(t, sender.Send(t.Context(), sent))

	type destination struct {
		To []string `json:"to"`
	}
	type body struct {
		HTML string `json:"html"`
		Text string `json:"text"`
	}
	var got struct {
		Emails []struct {
			From        string      `json:"from"`
			Subject     string      `json:"subject"`
			Destination destination `json:"destination"`
			Body        body        `json:"body"`
		} `json:"emails"`
	}
	answer, err := http.Get(url + "/store")
	check(t, err)
	defer answer.Body.Close()
	check(t, json.NewDecoder(answer.Body).Decode(&got))
	if len(got.Emails) != 1 {
		t.Fatalf("%d mails arrived, want 1", len(got.Emails))
	}
	arrived := got.Emails[0]
	if arrived.From != "=?utf-8?b?QsO8Y2hlciwgTHRkLg==?= <no-reply@example.com>" || arrived.Subject != sent.Subject {
		t.Errorf("from %q, subject %q", arrived.From, arrived.Subject)
	}
	if diff := cmp.Diff(destination{[]string{sent.To}}, arrived.Destination) + cmp.Diff(body{sent.HTML, sent.Text}, arrived.Body); diff != "" {
		t.Errorf("what arrived (-sent +arrived):\n%s", diff)
	}
}
