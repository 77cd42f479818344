package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Service says how people log in to a service. docs/check.md has an example of each member.
type Service struct {
	Login        Login  `yaml:"login"`
	SignedIn     Probe  `yaml:"signed_in"`     // what only somebody with the session's cookie gets
	API          Probe  `yaml:"api"`           // what only somebody with the access token gets
	AccessToken  string `yaml:"access_token"`  // the member of the login's answer
	RefreshToken string `yaml:"refresh_token"` // the same, and the field of a refresh; empty: it travels in a cookie
	Refresh      Form   `yaml:"refresh"`
	Logout       Form   `yaml:"logout"`
}

// Form is a POST.
type Form struct {
	Path   string            `yaml:"path"`
	As     string            `yaml:"as"` // json or form
	Fields map[string]string `yaml:"fields"`
}

// Login is the POST that begins a session.
type Login struct {
	Form     `yaml:",inline"`
	Username string `yaml:"username"` // the field's name
	Password string `yaml:"password"` // the field's name
}

// Probe is a GET whose answer tells whether somebody is signed in: its status is 2xx, and it has the text in it.
type Probe struct {
	Path string `yaml:"path"`
	Says string `yaml:"says"` // may be empty
}

func (p Probe) in(a answer) bool {
	return a.status >= 200 && a.status < 300 && bytes.Contains(a.body, []byte(p.Says))
}

// ReadService reads the description of a service. Members that it does not know are refused.
func ReadService(text []byte) (s Service, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&s); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return Service{}, fmt.Errorf("the description of the service: %w", err)
	}
	if err := s.complete(); err != nil {
		return Service{}, fmt.Errorf("the description of the service: %w", err)
	}
	return s, nil
}

// complete fills in what may be left out, and refuses what cannot work.
func (s *Service) complete() error {
	for name, form := range map[string]*Form{"login": &s.Login.Form, "refresh": &s.Refresh, "logout": &s.Logout} {
		if form.As == "" {
			form.As = "json"
		}
		if form.As != "json" && form.As != "form" {
			return fmt.Errorf("%s.as %q: want json or form", name, form.As)
		}
	}
	for name, path := range map[string]string{
		"login.path": s.Login.Path, "signed_in.path": s.SignedIn.Path, "api.path": s.API.Path, "refresh.path": s.Refresh.Path, "logout.path": s.Logout.Path,
	} {
		if path != "" && (!strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, " \t\r\n#")) {
			return fmt.Errorf("%s %q: want a path like /login", name, path)
		}
	}
	switch {
	case s.Login.Path == "":
		return errors.New("login.path is missing: where people log in, like /login")
	case s.SignedIn.Path == "" && s.API.Path == "":
		return errors.New("signed_in.path and api.path are missing: want a page that only somebody who is signed in gets")
	case s.API.Path != "" && s.AccessToken == "":
		return errors.New("access_token is missing: the member of the login's answer that api.path takes")
	}
	if s.Login.Username == "" {
		s.Login.Username = "username"
	}
	if s.Login.Password == "" {
		s.Login.Password = "password"
	}
	return nil
}

// Wavepass describes a client of Wavepass. Of a browser client its refresh token travels in a cookie.
func Wavepass(client string, native bool) Service {
	own := map[string]string{"client_id": client}
	s := Service{
		Login:       Login{Form: Form{Path: "/login", Fields: own}},
		AccessToken: "access_token",
		API:         Probe{Path: "/userinfo"},
		Refresh:     Form{Path: "/refresh", Fields: own},
		Logout:      Form{Path: "/logout", Fields: own},
	}
	if native {
		s.RefreshToken = "refresh_token"
	} else {
		s.SignedIn = Probe{Path: "/session?client_id=" + client, Says: `"active":true`}
	}
	if err := s.complete(); err != nil {
		panic(err) // it is written above
	}
	return s
}
