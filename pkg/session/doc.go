// Package session owns sessions: one login on one device, with the line of refresh tokens that descends
// from it. It holds the format of a refresh token and the rules by which one is exchanged for its
// successor (refresh.go). It does not issue access tokens and does not know how a token travels.
package session
