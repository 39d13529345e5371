#!/bin/sh
# Makes the keys and certificates that the TLS tests need, with the openssl command.
#
#   sh tests/redis/certificates.sh FOLDER
#
# In FOLDER afterwards, each NAME as NAME.crt and NAME.key:
#   ca            the authority that the tests trust
#   good          for localhost, 127.0.0.1 and ::1
#   wrong-name    signed by the authority, for another host
#   expired       signed by the authority, for localhost, and over since the year 2001
#   client        signed by the authority, for a client
#   self-signed   for localhost, signed by itself alone
#   other-ca      an authority that nobody trusts
#   other-client  signed by that one
# and `authorities/`, a directory with the authority under the name that OpenSSL looks for.
set -eu

if [ $# -ne 1 ]; then
    echo 'usage: certificates.sh FOLDER' >&2
    exit 2
fi
mkdir -p "$1/authorities"
cd "$1"
log=$(pwd)/certificates.log
here=DNS:localhost,IP:127.0.0.1,IP:::1

# run ARGUMENT...: openssl says what it does on standard error, which matters only when it fails.
run() {
    if ! openssl "$@" >>"$log" 2>&1; then
        cat "$log" >&2
        exit 1
    fi
}

key() {
    run ecparam -name prime256v1 -genkey -noout -out "$1.key"
}

# authority NAME
authority() {
    key "$1"
    run req -x509 -new -key "$1.key" -sha256 -days 30 -subj "/CN=$1" -out "$1.crt" \
        -addext keyUsage=critical,keyCertSign,cRLSign
    mkdir -p "$1.issued"
    : >"$1.issued/index.txt"
}

# certificate NAME AUTHORITY NAMES USE FROM UNTIL
certificate() {
    key "$1"
    run req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    cat >"$1.conf" <<END
[ca]
default_ca = authority
[authority]
database = $2.issued/index.txt
new_certs_dir = $2.issued
rand_serial = yes
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
[extensions]
subjectAltName = $3
extendedKeyUsage = $4
END
    run ca -batch -notext -config "$1.conf" -extensions extensions -cert "$2.crt" \
        -keyfile "$2.key" -in "$1.csr" -out "$1.crt" -startdate "$5" -enddate "$6"
}

: >"$log"
always=20000101000000Z
later=20991231000000Z
authority ca
authority other-ca
certificate good ca "$here" serverAuth "$always" "$later"
certificate wrong-name ca DNS:elsewhere.test serverAuth "$always" "$later"
certificate expired ca "$here" serverAuth "$always" 20010101000000Z
certificate client ca DNS:client.test clientAuth "$always" "$later"
certificate other-client other-ca DNS:client.test clientAuth "$always" "$later"
key self-signed
run req -x509 -new -key self-signed.key -sha256 -days 30 -subj /CN=self-signed \
    -out self-signed.crt -addext "subjectAltName=$here"
cp ca.crt "authorities/$(openssl x509 -in ca.crt -noout -hash).0"
