//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// HTTP semantics, as far as a cache answers requests itself. Pure functions over values.
///
/// | section | what | function |
/// |---|---|---|
/// | §5.6.7 | dates | ``HTTPDate`` |
/// | §8.8.3.2 | comparison of entity tags | ``EntityTag`` |
/// | §13.1, §13.2.2 | conditional requests | ``evaluatePreconditions(method:request:status:stored:)`` |
/// | §13.1.5 | `If-Range` | ``rangeApplies(request:stored:)`` |
/// | §14.1, §14.2 | range requests | ``rangeSelection(request:status:stored:length:maximumRanges:)`` |
/// | §14.4 | `Content-Range` | ``ContentRange`` |
/// | §14.6 | multipart/byteranges | ``MultipartByteRanges`` |
/// | §15.3.7 | 206 | ``partialFields(of:range:length:)`` |
/// | §15.4.5 | 304 | ``notModifiedFields(of:)`` |
/// | §15.5.17 | 416 | ``unsatisfiableFields(of:length:)`` |
enum RFC9110 {}
