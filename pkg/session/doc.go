// Package session owns sessions: one login on one device, with the line of refresh tokens that descends from
// it. It holds the format of a refresh token (refreshtoken.go), the rules by which one is exchanged for its
// successor (rules.go), and what carries them out (refresh.go). Whether a session may be used, and why not, is
// said in one place (ended.go). The package issues no access tokens and does not know how a token travels.
package session
