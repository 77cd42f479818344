// Package pages owns the pages that a browser shows while a person signs in: how they look, what they say in which language, and
// the headers that keep scripts, frames and foreign forms out of them. It knows no session and decides nothing.
package pages
