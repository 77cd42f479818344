package account_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wavepass/wavepass/pkg/account"
	"github.com/wavepass/wavepass/pkg/oauth"
)

var ofSurfers = account.PasswordRules{Service: []string{"auth.kelp-surf.example:8443", "Kelp Surf Club"}}

func TestGuessablePasswordsAreRefusedWithWhatToDo(t *testing.T) {
	person := []string{"grace", "Grace.Hopper@Navy.example", "Gracelander"}
	for _, test := range []struct {
		password string
		fault    account.PasswordFault
	}{
		{"Password", account.PasswordCommon},
		{"ＰＡＳＳＷＯＲＤ", account.PasswordCommon},
		{"1q2w3e4r5t", account.PasswordCommon},
		{"xxxyxxxyxxxy", account.PasswordRepeats},
		{"€€€€€€€€€€", account.PasswordRepeats},
		{"3456789:;<=>", account.PasswordRepeats}, // the next character each time
		{"zyxwvutsrqpo", account.PasswordRepeats},
		{"wave1wave1wave1", account.PasswordRepeats},
		{"liverpool1liverpool1", account.PasswordCommon},
		{"GraceHopper", account.PasswordNames},
		{"hopper1906!", account.PasswordNames},
		{"grace.hopper@navy.example", account.PasswordNames},
		{"ｇｒａｃｅ-hopper-77", account.PasswordNames},
		{"hopper12345678", account.PasswordNames},
		{"hopper-password", account.PasswordCommon},
		{"gracelander19", account.PasswordNames}, // the longest name first, or "lander19" is left
		{"kelpsurf2026", account.PasswordNames},
		{"Kelp Surf Club!!", account.PasswordNames},
		{"navy:iloveyou2", account.PasswordCommon},

		{"grace under pressure", ""}, // enough beside the name
		{"surfing at dawn", ""},
		{"correct horse", ""},
		{"Tr0ub4dor&3", ""},
		{"wave1wave1!!", ""},
	} {
		_, err := ofSurfers.Accept(oauth.NewSecret(test.password), person...)
		var refused *account.PasswordError
		switch {
		case test.fault == "" && err != nil:
			t.Errorf("%q: %v, want it accepted", test.password, err)
		case test.fault != "" && (!errors.As(err, &refused) || refused.Fault != test.fault):
			t.Errorf("%q: %v, want %q", test.password, err, test.fault)
		case refused != nil && (strings.Contains(err.Error(), test.password) || !strings.ContainsAny(err.Error(), ";")):
			t.Errorf("%q: %q, want what to do, without the password", test.password, err)
		}
	}
}

func TestNamesCountForTheirOwnPersonAndServiceOnly(t *testing.T) {
	for _, password := range []string{"GraceHopper", "kelpsurf2026"} {
		if _, err := (account.PasswordRules{}).Accept(oauth.NewSecret(password), "ada"); err != nil {
			t.Errorf("%q for somebody else: %v, want it accepted", password, err)
		}
	}
}

func TestLengthIsThatOfTheSettingAndNeverBelowEight(t *testing.T) {
	text := "surf-the-canary-wave-at-dawn"
	for setting, least := range map[int]int{-1: 8, 0: 8, 7: 8, 8: 8, 9: 9, 15: 15, 64: 64} {
		rules := account.PasswordRules{MinLength: setting}
		long := (text + text + text)[:least]
		if _, err := rules.Accept(oauth.NewSecret(long)); err != nil {
			t.Errorf("%d, password of %d: %v, want it accepted", setting, least, err)
		}
		_, err := rules.Accept(oauth.NewSecret(long[1:]))
		var refused *account.PasswordError
		if !errors.As(err, &refused) || refused.Fault != account.PasswordShort || refused.Least != least || !strings.Contains(err.Error(), fmt.Sprint(least)) {
			t.Errorf("%d, password of %d: %v, want one that asks for %d", setting, least-1, err, least)
		}
	}
}

func TestAcceptedPasswordCannotBePrinted(t *testing.T) {
	secret := accepted(t, password)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb, secret); strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary")) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
