//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  /// Gives back what it reads.
  final class EchoSource: BodySource {
    private let reader: BodyReader
    init(_ body: Body) { reader = body.makeReader() }
    func next() async throws -> Bytes? { try await reader.next() }
    var trailers: HeaderFields? { reader.trailers }
    func cancel() { reader.cancel() }
  }
#endif
