// collector.js ROOT - an OTLP/HTTP collector whose decoder is OpenTelemetry's own: ROOT is the
// generated/root.js of @opentelemetry/otlp-transformer. For otlp.py.
//
// Prints its port, then a line of JSON for each request. Standard input says how to answer the
// requests to come: "STATUS COUNT RETRY_AFTER" (a status, for so many requests; Retry-After in
// seconds or "-"), "partial N" (N of the next request's items are rejected), "hang" (no answers).
'use strict';
const http = require('http');
const readline = require('readline');
const collector = require(process.argv[2]).opentelemetry.proto.collector;

const services = {
    '/v1/traces': {
        request: collector.trace.v1.ExportTraceServiceRequest,
        response: collector.trace.v1.ExportTraceServiceResponse,
        rejected: 'rejectedSpans',
    },
    '/v1/metrics': {
        request: collector.metrics.v1.ExportMetricsServiceRequest,
        response: collector.metrics.v1.ExportMetricsServiceResponse,
        rejected: 'rejectedDataPoints',
    },
};

let status = 200, times = 0, retryAfter = '-', partial = 0, hang = false;

function plain(key, value) {
    if (value && value.type === 'Buffer') {
        return Buffer.from(value.data).toString('hex');
    }
    return value;
}

// Integers of 64 bits come as text, bytes in hex.
function decode(service, body) {
    const message = service.request.decode(body);
    return service.request.toObject(message, {longs: String, arrays: true, bytes: Buffer});
}

function answer(service, response) {
    const reply = {};
    if (partial) {
        reply.partialSuccess = {[service.rejected]: partial, errorMessage: 'not these'};
        partial = 0;
    }
    response.writeHead(200, {'Content-Type': 'application/x-protobuf'});
    response.end(service.response.encode(reply).finish());
}

function handle(request, body, response) {
    const service = services[request.url];
    const line = {path: request.url, headers: request.headers, at: Date.now(), status: 200};
    try {
        line.body = decode(service, body);
    } catch (error) {
        line.error = String(error);
    }
    if (times > 0) {
        times--;
        line.status = status;
    }
    console.log(JSON.stringify(line, plain));
    if (hang) {
        return;
    }
    if (line.status !== 200) {
        response.writeHead(line.status, retryAfter === '-' ? {} : {'Retry-After': retryAfter});
        response.end();
    } else {
        answer(service, response);
    }
}

const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => handle(request, Buffer.concat(parts), response));
});

readline.createInterface({input: process.stdin}).on('line', (line) => {
    const words = line.split(' ');
    if (words[0] === 'partial') {
        partial = Number(words[1]);
    } else if (words[0] === 'hang') {
        hang = true;
    } else {
        [status, times, retryAfter] = [Number(words[0]), Number(words[1]), words[2]];
    }
    console.log('ok');
}).on('close', () => process.exit(0));

server.listen(Number(process.argv[3] || 0), '127.0.0.1', () => console.log(server.address().port));
