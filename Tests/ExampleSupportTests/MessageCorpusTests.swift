//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

/// Inputs for the parsers of messages that the fuzzer has found worth keeping.
@Suite struct MessageCorpusTests {
  /// `Tests/Fuzzing/Corpus`, beside the sources that are being tested.
  static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fuzzing/Corpus")

  @Test(arguments: MessageFuzzTarget.allCases)
  func replay(target: MessageFuzzTarget) throws {
    let files = try FileManager.default.contentsOfDirectory(
      at: Self.directory.appending(path: target.rawValue), includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files { target.run(Array(try Data(contentsOf: file)).span) }
  }
}
