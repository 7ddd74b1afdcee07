#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# A sandbox's process in Perl: GET /healthz, POST / {"seed": integer}. Orders in JSON
# are made, parsed and summed, as by tools/demo/functions/vanilla.py.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use JSON::PP;
use POSIX ();

my @cities = qw(Lisbon Oslo Quito Hanoi Accra Turin Perth Lima);
my $json = JSON::PP->new->canonical;

sub orders {
	srand(shift);
	return [map {
		{ order => $_, customer => "customer-" . int(rand(40)), city => $cities[rand @cities],
		  lines => [map { { sku => int(rand(1e9)), count => 1 + int(rand(9)),
				    cents => 50 + int(rand(99950)) } } 1 .. 1 + int(rand(5))] }
	} 0 .. 119];
}

sub handle {
	my %totals;
	for my $order (@{$json->decode($json->encode(orders(shift)))}) {
		my $customer = $totals{$order->{customer}} ||= { orders => 0, cents => 0 };
		$customer->{orders}++;
		$customer->{cents} += $_->{count} * $_->{cents} for @{$order->{lines}};
	}
	return { customers => scalar(keys %totals), report => sha256_hex($json->encode(\%totals)) };
}

my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ENV{PORT}, Listen => 16,
				     ReuseAddr => 1) or die "port $ENV{PORT}: $!\n";
while (my $client = $listener->accept) {
	my $length = 0;
	my $request = <$client> // next;
	while (defined(my $line = <$client>)) {
		$length = $1 if $line =~ /^Content-Length:\s*(\d+)/i;
		last if $line =~ /^\r?\n$/;
	}
	my $answer = "{}";
	if ($request =~ /^POST/) {
		read $client, (my $body = ""), $length;
		$answer = $json->encode(handle($json->decode($body)->{seed}));
	}
	print $client "HTTP/1.0 200 OK\r\nContent-Length: ", length $answer, "\r\n\r\n$answer";
	close $client;
}
