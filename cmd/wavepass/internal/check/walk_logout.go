package check

import (
	"context"
	"maps"
	"time"
)

// logsOut logs in once more, and tries in how many ways the session ends.
func (w *walker) logsOut(ctx context.Context, first signedIn) error {
	if w.c.Service.Logout.Path == "" {
		w.e.note("sessions of the test account are left open: no logout is described")
		return nil
	}
	w.e.logout = &loggedOut{}
	s, err := w.logInAgain(ctx)
	if err != nil {
		return err
	}
	if len(w.e.session) > 0 {
		if err := w.otherSite(ctx, s); err != nil {
			return err
		}
		if w.e.logout.byOtherSite, err = w.endedBy(ctx, &s, func() error {
			_, err := w.sendLogout(ctx, s, "text/plain", map[string]string{"Origin": foreign, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
			return err
		}); err != nil {
			return err
		}
		if w.e.logout.byGET, err = w.endedBy(ctx, &s, func() error {
			_, err := w.send(ctx, request{method: "GET", path: w.c.Service.Logout.Path, cookies: s.cookies, header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}})
			return err
		}); err != nil {
			return err
		}
	}
	return w.logOut(ctx, s)
}

// logInAgain logs in with a browser in which somebody has planted a session id.
func (w *walker) logInAgain(ctx context.Context) (signedIn, error) {
	planted := signedIn{cookies: map[string]string{}}
	for _, c := range w.e.session {
		planted.cookies[c.Name] = "planted-by-somebody-else-0123456789"
	}
	s, a, err := w.logIn(ctx, planted, nil)
	if err != nil {
		return s, err
	}
	set := newest(a.cookies)
	for _, one := range set {
		for _, c := range w.e.session {
			if c.Name == one.Name {
				w.e.again = append(w.e.again, one)
			}
		}
	}
	if len(planted.cookies) > 0 {
		in, _, err := w.in(ctx, planted, nil)
		if err != nil {
			return s, err
		}
		if in {
			w.e.kept = &in
		}
	}
	return s, nil
}

// otherSite finds out whether a page of another site can log its visitors in, to an account of its own choice.
func (w *walker) otherSite(ctx context.Context, s signedIn) error {
	header := map[string]string{"Origin": foreign, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
	if w.c.Service.Login.As == "json" {
		header["Content-Type"] = "text/plain" // what a page can send without asking first
	}
	made, a, err := w.logIn(ctx, signedIn{}, header)
	if err != nil {
		return err
	}
	accepted := false
	if a.ok() && len(a.cookies) > 0 {
		if accepted, _, err = w.in(ctx, made, nil); err != nil {
			return err
		}
	}
	w.e.loginByPage = &accepted
	if accepted {
		_, err = w.sendLogout(ctx, made, "", nil) // it was begun for this alone
	}
	return err
}

// endedBy reports whether something ends the session. Then the account logs in once more.
func (w *walker) endedBy(ctx context.Context, s *signedIn, try func() error) (*bool, error) {
	if err := try(); err != nil {
		return nil, err
	}
	in, _, err := w.in(ctx, *s, nil)
	if err != nil {
		return nil, err
	}
	ended := !in
	if ended {
		if *s, _, err = w.logIn(ctx, signedIn{}, nil); err != nil {
			return &ended, err
		}
	}
	return &ended, nil
}

func (w *walker) sendLogout(ctx context.Context, s signedIn, contentType string, header map[string]string) (answer, error) {
	form := w.c.Service.Logout
	fields := maps.Clone(form.Fields)
	if fields == nil {
		fields = map[string]string{}
	}
	if name := w.c.Service.RefreshToken; name != "" {
		fields[name] = s.refresh.Reveal()
	}
	all := maps.Clone(header)
	if contentType != "" && form.As == "json" {
		all["Content-Type"] = contentType
	}
	return w.send(ctx, request{method: "POST", path: form.Path, as: form.As, fields: fields, cookies: s.cookies, header: all})
}

// logOut logs out, and then goes on using what the session had.
func (w *walker) logOut(ctx context.Context, s signedIn) error {
	l := w.e.logout
	a, err := w.sendLogout(ctx, s, "", nil)
	if err != nil {
		return err
	}
	l.worked = a.ok()
	after := s.kept(a, w.c.Service)
	l.cleared = true
	for _, c := range w.e.session {
		if _, there := after.cookies[c.Name]; there {
			l.cleared = false
		}
	}
	if w.c.Service.SignedIn.Path != "" {
		in, _, err := w.in(ctx, s, nil)
		if err != nil {
			return err
		}
		l.stillIn = &in
	}
	if w.c.Service.API.Path == "" || s.access.IsZero() {
		return nil
	}
	return w.watchToken(ctx, s)
}

// watchToken uses the access token until it is refused, or for the bound.
func (w *walker) watchToken(ctx context.Context, s signedIn) error {
	began := time.Now()
	for pause := 250 * time.Millisecond; ; pause *= 2 {
		asked := time.Since(began)
		a, err := w.send(ctx, request{method: "GET", path: w.c.Service.API.Path, bearer: s.access.Reveal()})
		if err != nil {
			return err
		}
		if !w.c.Service.API.in(a) {
			w.e.logout.tokenFor = new(time.Duration)
			if asked > 0 {
				*w.e.logout.tokenFor = asked
			}
			return nil
		}
		if asked >= w.c.Bound {
			w.e.logout.tokenFor, w.e.logout.tokenLives = &asked, true
			return nil
		}
		if err := sleep(ctx, min(pause, w.c.Bound-asked)); err != nil {
			return err
		}
	}
}
