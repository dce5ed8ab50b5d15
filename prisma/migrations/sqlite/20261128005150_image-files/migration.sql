-- CreateTable
CREATE TABLE "ImageFile" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "client" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "origin" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "contentType" TEXT NOT NULL,
    "sizeBytes" INTEGER NOT NULL,
    "sha256" TEXT,
    "widthPixels" INTEGER,
    "heightPixels" INTEGER,
    "name" TEXT,
    "createdAt" DATETIME NOT NULL,
    "uploadUntil" DATETIME,
    "deleteAt" DATETIME,
    "dueAt" DATETIME NOT NULL,
    "leasedUntil" DATETIME
);

-- CreateIndex
CREATE INDEX "ImageFile_dueAt_idx" ON "ImageFile"("dueAt");

-- CreateIndex
CREATE INDEX "ImageFile_client_state_idx" ON "ImageFile"("client", "state");

-- CreateIndex
CREATE INDEX "ImageFile_client_sha256_idx" ON "ImageFile"("client", "sha256");
