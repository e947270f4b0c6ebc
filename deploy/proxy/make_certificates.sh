#!/bin/sh
# Makes what nginx needs: a certificate that this machine signs itself, and the companion's password.
#   make_certificates.sh FOLDER HOST [PASSWORD]
# HOST is a name or an IPv4 address. Files that exist are left as they are, so a certificate that
# others trust (Let's Encrypt) is put in place by writing server.crt and server.key before.
set -eu

folder=$1
host=$2
password=${3:-$(openssl rand -hex 12)}
case $host in
    *[!0-9.]*) name="DNS:$host" ;;
    *) name="IP:$host" ;;
esac

umask 077
mkdir -p "$folder"
if ! [ -e "$folder/server.crt" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=$host" \
        -addext "subjectAltName=$name" \
        -keyout "$folder/server.key" -out "$folder/server.crt" 2> /dev/null
fi
if ! [ -e "$folder/companion.htpasswd" ]; then
    printf 'detectlab:%s\n' "$(openssl passwd -apr1 "$password")" > "$folder/companion.htpasswd"
    echo "The companion opens for the user detectlab with the password $password"
fi
# nginx runs as a user of its own in its container.
chmod 755 "$folder"
chmod 644 "$folder"/server.crt "$folder"/companion.htpasswd
chmod 640 "$folder"/server.key
