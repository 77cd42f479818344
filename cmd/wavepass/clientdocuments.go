package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/wavepass/wavepass/pkg/client"
	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/metadata"
)

// clientDocuments are client id metadata documents under development: the file of each address. What is there in the internet is not asked, and no
// address of this machine either.
type clientDocuments map[string]string

// use has settings take these documents, and those of the internet where CLIENT_ID_METADATA says so.
func (c clientDocuments) use(settings *endpoint.Settings) error {
	for _, address := range slices.Sorted(maps.Keys(c)) {
		if err := client.CheckURL(address); err != nil {
			return fmt.Errorf("--client-document %s: %w", address, err)
		}
		if _, _, err := c.Read(context.Background(), address); err != nil {
			return fmt.Errorf("--client-document %s: %w", address, err)
		}
	}
	if len(c) == 0 {
		return nil
	}
	source := developed{files: c}
	if settings.Documents.Allowed {
		source.others = metadata.NewFetcher(metadata.Internet{})
	}
	settings.Documents.Allowed, settings.Documents.Source = true, source
	return nil
}

// Read returns the file of an address, which is read anew each time somebody signs in.
func (c clientDocuments) Read(_ context.Context, address string) ([]byte, time.Duration, error) {
	document, err := os.ReadFile(c[address])
	if err != nil {
		return nil, 0, err
	}
	if len(document) > metadata.MaxDocument {
		return nil, 0, &metadata.Error{Says: fmt.Sprintf("the document has more than %d bytes", metadata.MaxDocument)}
	}
	_, err = metadata.Parse(address, document)
	return document, 0, err
}

// developed has the documents of files, and others.
type developed struct {
	files  clientDocuments
	others *metadata.Fetcher // nil: there are none
}

// Read implements endpoint.DocumentSource.
func (d developed) Read(ctx context.Context, address string) ([]byte, time.Duration, error) {
	if _, ok := d.files[address]; ok {
		return d.files.Read(ctx, address)
	}
	if d.others == nil {
		return nil, 0, &metadata.Error{Says: "no file was given for this address by --client-document"}
	}
	return d.others.Read(ctx, address)
}
