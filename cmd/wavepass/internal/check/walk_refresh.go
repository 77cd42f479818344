package check

import (
	"context"
	"maps"
	"time"
)

// refreshes refreshes the session, and then presents the token that was replaced until it is refused.
func (w *walker) refreshes(ctx context.Context, s signedIn) error {
	if w.c.Service.Refresh.Path == "" {
		return nil
	}
	r := &refreshed{}
	w.e.refresh = r
	next, ok, err := w.refreshOnce(ctx, s)
	if err != nil || !ok {
		return err
	}
	r.worked = true
	if same(s, next) { // a young token may be answered with itself
		r.tooYoung = true
		if w.c.Patience < w.c.Young {
			return nil
		}
		r.waited = true
		if err := sleep(ctx, w.c.Young); err != nil {
			return err
		}
		if next, ok, err = w.refreshOnce(ctx, s); err != nil || !ok {
			return err
		}
	}
	if r.rotates = !same(s, next); !r.rotates {
		return nil
	}
	began := time.Now()
	for pause := time.Second; ; pause = min(2*pause, 20*time.Second) {
		_, ok, err := w.refreshOnce(ctx, s)
		if err != nil {
			return err
		}
		r.untilDone = time.Since(began)
		if !ok {
			r.refused = true
			break
		}
		r.answered = r.untilDone
		left := w.c.Patience - r.untilDone
		if left <= 0 {
			return nil
		}
		if err := sleep(ctx, min(pause, left)); err != nil {
			return err
		}
	}
	_, ok, err = w.refreshOnce(ctx, next)
	reuse := !ok
	r.reuse = &reuse
	return err
}

// same reports whether two sessions have the same refresh token, wherever it travels.
func same(a, b signedIn) bool {
	if !a.refresh.IsZero() || !b.refresh.IsZero() {
		return a.refresh.Reveal() == b.refresh.Reveal()
	}
	return maps.Equal(a.cookies, b.cookies)
}

func (w *walker) refreshOnce(ctx context.Context, s signedIn) (signedIn, bool, error) {
	form := w.c.Service.Refresh
	fields := maps.Clone(form.Fields)
	if fields == nil {
		fields = map[string]string{}
	}
	if w.c.Service.RefreshToken != "" {
		fields[w.c.Service.RefreshToken] = s.refresh.Reveal()
	}
	a, err := w.send(ctx, request{method: "POST", path: form.Path, as: form.As, fields: fields, cookies: s.cookies})
	if err != nil || !a.ok() {
		return signedIn{}, false, err
	}
	return s.kept(a, w.c.Service), true, nil
}
