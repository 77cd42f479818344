// Package history holds no code. Its tests drive the whole domain with many clients at once over a store
// that loses requests and replies, record what happened, and ask whether one session after the other behaved
// as if its operations had come one at a time (linearizability). A second test meters what each operation
// costs on DynamoDB and compares it with docs/capacity.md.
package history
