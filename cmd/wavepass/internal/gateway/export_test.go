package gateway

import "time"

// WithLimit are options under which a request may take less time than the cloud gives it.
func (o Options) WithLimit(limit time.Duration) Options {
	o.limit = limit
	return o
}
