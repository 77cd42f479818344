// Package session owns sessions: one login on one device, with all refresh tokens that descend from it. It has the format
// of a refresh token (refreshtoken.go), the rules by which one is exchanged for its successor (rules.go), and the code that
// carries them out (refresh.go). Sessions of server-rendered sites have a handle in place of tokens (handle.go, visit.go). One function, Usable, decides whether a session may be used, and why not (ended.go). The
// package issues no access tokens and does not know how tokens travel.
package session
