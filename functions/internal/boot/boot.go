// Package boot makes the parts that Lambda functions share; its packages table and sealer make those that not every function has. When one cannot be
// made, the function ends at once with a line in its log, and Lambda answers each request with an error.
package boot

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/wavepass/wavepass/pkg/audit"
	"github.com/wavepass/wavepass/pkg/config"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/metric"
	"github.com/wavepass/wavepass/pkg/trace"
)

// Log is the function's own log. Lambda keeps standard error with its other output.
var Log = slog.New(slog.NewJSONHandler(os.Stderr, nil))

// Environment is the function's configuration.
type Environment struct{ config.Config }

// Read reads the environment.
func Read() Environment {
	c, err := config.Load(config.Environment())
	ExitOn(err)
	return Environment{c}
}

// Settings are those of every function. Audit events go to standard output, which Lambda keeps as the function's log.
func (e Environment) Settings() endpoint.Settings {
	trail := audit.NewTrail(os.Stdout, time.Now)
	trail.Metrics = metric.Namespace(e.MetricsNamespace)
	s, err := endpoint.New(e.Config, Log, trail, time.Now)
	ExitOn(err)
	return s
}

// SettingsBehindAPI are those of a function behind the API, which needs an issuer.
func (e Environment) SettingsBehindAPI() endpoint.Settings {
	ExitOn(e.CheckIssuer())
	return e.Settings()
}

// Start has handler answer events until the function ends, see lambda.Start, with traces where the environment wants them.
func (e Environment) Start(handler any) {
	tracer, err := trace.New(trace.Settings{
		Exporter: e.TracesExporter, Endpoint: e.TracesEndpoint, Sampler: e.TracesSampler, Service: e.TracesService, Function: e.FunctionName,
	}, Log, time.Now)
	ExitOn(err)
	if tracer != nil {
		handler = tracer.Around(lambda.NewHandler(handler))
	}
	lambda.Start(handler)
}

// ExitOnSetting is ExitOn for a part whose error does not name the variable that it was made of.
func ExitOnSetting(variable string, err error) {
	if err != nil {
		ExitOn(fmt.Errorf("%s: %w", variable, err))
	}
}

// ExitOn ends the function when a part of it could not be made.
func ExitOn(err error) {
	if err != nil {
		Log.Error("the function cannot start", "error", err.Error())
		os.Exit(1)
	}
}
