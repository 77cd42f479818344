// Package eventspage holds no code. Its test writes docs/events.md out of pkg/audit, and fails while the page is not what that says.
package eventspage
