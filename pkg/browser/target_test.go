package browser_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wavepass/wavepass/pkg/browser"
)

const shop = "https://shop.example.com"

var registeredTargets = []string{shop + "/", shop + "/sign-in", shop + "/sign-in?lang=de", "com.example.shop:/in"}

func TestFormGoesToRegisteredAddresses(t *testing.T) {
	for name, tc := range map[string]struct {
		success, failure, returnTo string
		wantSuccess, wantFailure   string
	}{
		"registered":        {shop + "/", shop + "/sign-in", "", shop + "/", shop + "/sign-in?error=invalid_credentials"},
		"a page with query": {shop + "/", shop + "/sign-in?lang=de", "", shop + "/", shop + "/sign-in?lang=de&error=invalid_credentials"},
		"back to a page":    {shop + "/", shop + "/sign-in", "/orders/7", shop + "/orders/7", shop + "/sign-in?error=invalid_credentials&return_to=%2Forders%2F7"},
		"back to a query":   {shop + "/", shop + "/sign-in", "/find?q=a%26b&page=2", shop + "/find?q=a%26b&page=2", shop + "/sign-in?error=invalid_credentials&return_to=%2Ffind%3Fq%3Da%2526b%26page%3D2"},
		"back to the root":  {shop + "/sign-in", shop + "/sign-in", "/", shop + "/", shop + "/sign-in?error=invalid_credentials&return_to=%2F"},
		"an encoded letter": {shop + "/", shop + "/sign-in", "/caf%C3%A9", shop + "/caf%C3%A9", shop + "/sign-in?error=invalid_credentials&return_to=%2Fcaf%25C3%25A9"},
		"an app":            {"com.example.shop:/in", shop + "/sign-in", "", "com.example.shop:/in", shop + "/sign-in?error=invalid_credentials"},
		"an address inside": {shop + "/", shop + "/sign-in", "/share?of=https://other.example/", shop + "/share?of=https://other.example/", shop + "/sign-in?error=invalid_credentials&return_to=%2Fshare%3Fof%3Dhttps%3A%2F%2Fother.example%2F"},
	} {
		targets, err := browser.TargetsOf(registeredTargets, tc.success, tc.failure, tc.returnTo)
		if err != nil || targets.Success() != tc.wantSuccess || targets.Failure("invalid_credentials", 0) != tc.wantFailure {
			t.Errorf("%s: %v\ngot  %s\n     %s\nwant %s\n     %s", name, err, targets.Success(), targets.Failure("invalid_credentials", 0), tc.wantSuccess, tc.wantFailure)
		}
	}
}

func TestFailureSaysHowLongToWait(t *testing.T) {
	targets, err := browser.TargetsOf(registeredTargets, shop+"/", shop+"/sign-in", "")
	if err != nil {
		t.Fatal(err)
	}
	for wait, want := range map[time.Duration]string{
		time.Millisecond:       "?error=too_many_attempts&retry_after=1",
		61*time.Second + 1:     "?error=too_many_attempts&retry_after=62",
		0:                      "?error=too_many_attempts",
		15 * time.Minute:       "?error=too_many_attempts&retry_after=900",
		-3 * time.Second:       "?error=too_many_attempts",
		999 * time.Microsecond: "?error=too_many_attempts&retry_after=1",
	} {
		if got := targets.Failure("too_many_attempts", wait); got != shop+"/sign-in"+want {
			t.Errorf("%s: got %s, want %s", wait, got, want)
		}
	}
}

// hostileAddresses are none that is registered, though some readers may take them for one.
var hostileAddresses = []string{
	"", " ", "/", "//", "https://evil.example/", "//evil.example/", "http://shop.example.com/", "https:shop.example.com/", "https:/shop.example.com/",
	shop, shop + "/ ", " " + shop + "/", shop + "//", shop + "/?", shop + "/#", shop + "/#fragment", shop + "/.", shop + "/./", shop + "/%2e", shop + "/x/..",
	shop + ":443/", shop + "./", "https://SHOP.example.com/", "HTTPS://shop.example.com/", shop + "/sign-in/", shop + "/Sign-in", shop + "/sign-in?lang=en",
	shop + "/sign-in?lang=de&next=https://evil.example", shop + "/sign%2Din", shop + "@evil.example/", "https://evil.example@shop.example.com/", shop + ".evil.example/",
	shop + `\@evil.example/`, "https://shop.example.com%2f@evil.example/", "https://shop.example.com\t/", "https://shop.example.com\r\nLocation: https://evil.example/",
	"https://shop。example.com/", "https://ѕhop.example.com/", "javascript:alert(1)", "data:text/html,x", "com.example.shop:/in/", "com.example.shop://in", "null",
	shop + "/," + shop + "/sign-in", shop + "/\x00", "\ufeff" + shop + "/",
}

func TestOnlyRegisteredAddressesAreGoneTo(t *testing.T) {
	for _, address := range hostileAddresses {
		for which, err := range map[string]error{
			"success": failsWith(browser.TargetsOf(registeredTargets, address, shop+"/sign-in", "")),
			"failure": failsWith(browser.TargetsOf(registeredTargets, shop+"/", address, "")),
			"both":    failsWith(browser.TargetsOf(registeredTargets, address, address, "/orders")),
			"nothing": failsWith(browser.TargetsOf(nil, address, address, "")),
		} {
			if !errors.Is(err, browser.ErrNoTarget) {
				t.Errorf("%q for %s: %v, want ErrNoTarget", address, which, err)
			}
		}
	}
}

func failsWith(_ browser.Targets, err error) error { return err }

// hostilePaths lead elsewhere, or may do so for somebody who decodes or redirects once more.
var hostilePaths = []string{
	"orders", "evil.example", " /orders", "/orders ", "//evil.example", "///evil.example", "////evil.example/%2f..", "/orders//evil.example", "/orders//",
	`/\evil.example`, `\/evil.example`, `\\evil.example`, `/\/evil.example`, `/orders\..\..`, "/\tevil", "/\t/evil.example", "/\n/evil.example", "\t//evil.example",
	"/\r\nSet-Cookie: a=b", "/\x00", "/\x7f", "/\u0085", "/\u2028", "/\u2044evil.example", "/\uff0fevil.example", "/\u3002", "/é", "/\xff",
	"https://evil.example", "https:evil.example", "https:/evil.example", "http:evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "java\tscript:alert(1)",
	"@evil.example", ":80", ".evil.example", "?next=//evil.example", "#//evil.example", "/#//evil.example", "/orders#x", "", "",
	"/.", "/..", "/./orders", "/../orders", "/orders/..", "/orders/../..//evil.example", "/%2e", "/%2E%2e/orders", "/.%2e/orders", "/%2e./",
	"/%2f", "/%2Fevil.example", "/%2f%2fevil.example", "/%5cevil.example", "/%5C%5Cevil.example", "/orders/%2f/evil.example", "/%252fevil.example", "/%25", "/%255cevil.example",
	"/%09/evil.example", "/%0a/evil.example", "/%0d%0aSet-Cookie:a=b", "/%00", "/%7f", "/?a=%0d%0aLocation:x", "/?a=%00", "/%", "/%2", "/%zz", "/?%zz", "/?a=%",
	`/"onmouseover="x`, "/<script>", "/a`b", "/{x}", "/a|b", "/^", "/?a=<b>", `/?a=\`, "/?a= b",
}

func TestOnlyPlainPathsAreReturnedTo(t *testing.T) {
	for _, path := range hostilePaths {
		if path == "" {
			continue // none is asked for
		}
		if targets, err := browser.TargetsOf(registeredTargets, shop+"/", shop+"/sign-in", path); !errors.Is(err, browser.ErrReturnTo) || targets.Success() != "" {
			t.Errorf("%q: %q, %v, want ErrReturnTo and nowhere to go", path, targets.Success(), err)
		}
	}
	if len(hostileAddresses)+len(hostilePaths) < 100 {
		t.Error("the tables have lost lines")
	}
}

func TestPathToReturnToIsBounded(t *testing.T) {
	long := "/" + strings.Repeat("a", 1023)
	if targets, err := browser.TargetsOf(registeredTargets, shop+"/", shop+"/sign-in", long); err != nil || targets.Success() != shop+long {
		t.Errorf("1,024 bytes: %v", err)
	}
	if _, err := browser.TargetsOf(registeredTargets, shop+"/", shop+"/sign-in", long+"a"); !errors.Is(err, browser.ErrReturnTo) {
		t.Errorf("1,025 bytes: %v, want ErrReturnTo", err)
	}
}

func TestAppWithASchemeOfItsOwnHasNoPaths(t *testing.T) {
	if _, err := browser.TargetsOf(registeredTargets, "com.example.shop:/in", shop+"/sign-in", "/orders"); !errors.Is(err, browser.ErrReturnTo) {
		t.Errorf("got %v, want ErrReturnTo", err)
	}
}

// FuzzReturnTo looks for a text that leads away from the origin of the registered address, or that changes what a browser is told.
func FuzzReturnTo(f *testing.F) {
	for _, path := range hostilePaths {
		f.Add(path)
	}
	f.Add("/orders/7?page=2&q=a%26b")
	f.Fuzz(func(t *testing.T, returnTo string) {
		targets, err := browser.TargetsOf(registeredTargets, shop+"/", shop+"/sign-in", returnTo)
		if err != nil {
			if targets != (browser.Targets{}) {
				t.Errorf("%q: %v, and targets %+v", returnTo, err, targets)
			}
			return
		}
		for _, address := range []string{targets.Success(), targets.Failure("invalid_credentials", time.Second)} {
			u, err := url.Parse(address)
			if err != nil || u.Scheme != "https" || u.Host != "shop.example.com" || u.User != nil || u.Fragment != "" || strings.ContainsAny(address, "\r\n\t\x00 \\") {
				t.Errorf("%q leads to %q", returnTo, address)
			}
		}
		back, err := url.Parse(targets.Failure("x", 0))
		if err != nil || back.Path != "/sign-in" || back.Query().Get("return_to") != returnTo || back.Query().Get("error") != "x" {
			t.Errorf("%q: the page of the failure is told %v", returnTo, back)
		}
		// What the site gets is a path that is no address, also when it decodes it once.
		once, err := url.PathUnescape(strings.SplitN(returnTo, "?", 2)[0])
		if returnTo != "" && (err != nil || strings.HasPrefix(once, "//") || strings.HasPrefix(once, `/\`)) {
			t.Errorf("%q is %q to a site that decodes it", returnTo, once)
		}
	})
}
