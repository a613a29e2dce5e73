//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// A part of a request, as the parser finds it in its input.
enum RequestEvent: Hashable, Sendable {
  case head(RequestHead)
  case body(Bytes)
  case end(trailers: HeaderFields?)
}
