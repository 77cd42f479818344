package main

import (
	"bytes"
	"log"
	"net/http"
)

// page is the shop, whose script asks Wavepass who is signed in.
func (s *shop) page(w http.ResponseWriter, _ *http.Request) {
	s.show(w, http.StatusOK, "index.html", map[string]string{"Wavepass": s.wavepass.url, "Client": clientWeb})
}

func (s *shop) form(w http.ResponseWriter, status int, message string) {
	s.show(w, status, "sign-in.html", message)
}

// show renders a page first and sends it then, so that nobody gets half of one.
func (s *shop) show(w http.ResponseWriter, status int, name string, content any) {
	var text bytes.Buffer
	if err := pages.ExecuteTemplate(&text, name, content); err != nil {
		log.Print(err)
		http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	// Scripts and styles are the shop's own, and they talk to the shop and to Wavepass.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' "+s.wavepass.url+
		"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes())
}

// file serves a script or the style sheet.
func (s *shop) file(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeFileFS(w, r, files, "pages/"+r.PathValue("file"))
}
