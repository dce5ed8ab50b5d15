-- AlterTable
ALTER TABLE "Task" DROP COLUMN "notFoundCount",
ADD COLUMN     "failureRetryAfterSeconds" INTEGER,
ADD COLUMN     "mode" TEXT NOT NULL DEFAULT 'TEXT_TO_VIDEO',
ADD COLUMN     "repeatedAnswer" TEXT,
ADD COLUMN     "repeatedAnswerCount" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "videoExpiresAt" TIMESTAMP(3);

-- What was only in the images until now.
UPDATE "Task" SET "mode" = 'IMAGE_TO_VIDEO' WHERE jsonb_array_length("referenceImages") > 0;
