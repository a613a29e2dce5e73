//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// HTTP caching. Pure functions over values: time comes in as an argument.
///
/// | section | what | function |
/// |---|---|---|
/// | §3 | storing responses | ``storability(of:to:exchange:rules:lifetimeScale:)`` |
/// | §3.1 | storing header fields | `storedFields(of:directives:date:rules:receivedUnix:)`, ``fieldsWithoutHopByHop(_:receivedUnix:)`` |
/// | §3.2 | updating stored fields | ``freshened(_:with:)`` |
/// | §3.3, §3.4 | incomplete responses, combining | ``PartialContent``, ``expectedLength(_:status:method:)`` |
/// | §3.5 | authenticated requests | ``storability(of:to:exchange:rules:lifetimeScale:)`` |
/// | §4, §5.2.1 | reuse | ``verdict(times:traits:directives:now:rules:)`` |
/// | §4.1 | `Vary` | `varySelection(of:limit:)`, ``selection(_:in:)``, `SelectingFieldNormalizer` |
/// | §4.2 | freshness | `freshness(status:fields:directives:isTargeted:receivedUnix:rules:)`, `entryTimes` |
/// | §4.2.3 | age | ``correctedInitialAge(of:exchange:)``, `EntryTimes.age(at:)` |
/// | §4.2.4 | stale responses | ``mayServeOnError(times:traits:directives:now:rules:)``, ``mayServeUnvalidated(times:traits:directives:now:)`` |
/// | §4.3.1 | conditional requests to the origin | ``conditionalFields(for:validating:forwardsConditions:forwardsRange:)`` |
/// | §4.3.2 | conditional requests of clients | ``RFC9110/evaluatePreconditions(method:request:status:stored:)`` |
/// | §4.3.3, §4.3.4 | 304 | ``selectsForUpdate(stored:response304:isOnlyCandidate:)``, ``freshened(_:with:)`` |
/// | §4.3.5 | HEAD | ``headUpdate(of:storedLength:by:)`` |
/// | §4.4 | invalidation | ``invalidatedTargets(of:response:)`` |
/// | §5.1 | `Age` | ``ageValue(of:)`` |
/// | §5.2.1, §5.4 | request directives, `Pragma` | ``RequestDirectives`` |
/// | §5.2.2 | response directives | ``ResponseDirectives`` |
/// | §5.2.2.6 | `no-transform` | ``allowsTransformation(of:rules:)`` |
/// | §5.3 | `Expires` | `freshness(status:fields:directives:isTargeted:receivedUnix:rules:)` |
/// | RFC 5861 | stale-while-revalidate, stale-if-error | `entryTimes`, ``verdict(times:traits:directives:now:rules:)`` |
/// | RFC 8246 | immutable | ``verdict(times:traits:directives:now:rules:)`` |
/// | RFC 9213 | targeted fields | ``RFC9213`` |
/// | RFC 9875 | cache groups | ``RFC9875`` |
enum RFC9111 {}
